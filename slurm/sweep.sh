#!/bin/bash
#SBATCH --job-name=dmft-sweep
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@180
#SBATCH --requeue
#SBATCH --mem-per-cpu=1000M
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
# A sweep over MPI ranks, which take points as they become free.  DMFT_MPI: what srun --mpi=... is to use, if not its default.
#
#   sbatch --partition=P --account=A --ntasks=256 slurm/sweep.sh SWEEP.toml DIR [OPTION...]
set -uo pipefail
# DMFT_SETUP: a file to read first, which loads modules and activates an environment.
[ -z "${DMFT_SETUP:-}" ] || . "$DMFT_SETUP"
if ! command -v dmft >/dev/null; then
    echo "dmft is not on PATH: activate its environment before sbatch, or name a file that does so in DMFT_SETUP" >&2
    exit 2
fi
sweep=${1:?wanted SWEEP.toml DIR} folder=${2:?wanted SWEEP.toml DIR}
shift 2

# Without --kill-on-bad-exit, ranks would wait for ever for one that was killed.
srun ${DMFT_MPI:+--mpi="$DMFT_MPI"} --kill-on-bad-exit=1 dmft sweep "$sweep" -o "$folder" --wait 300 "$@"
status=$?
[ "$status" = 4 ] && scontrol requeue "$SLURM_JOB_ID"
exit "$status"
