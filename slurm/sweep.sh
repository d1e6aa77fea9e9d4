#!/bin/bash
#SBATCH --job-name=dmft-sweep
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@180
#SBATCH --requeue
#SBATCH --open-mode=append
# A sweep over MPI ranks, which take points as they become free.  DMFT_MPI: what srun --mpi=... is to use, if not its default.
#
#   sbatch --partition=P --account=A --ntasks=256 slurm/sweep.sh SWEEP.toml DIR [OPTION...]
set -uo pipefail
sweep=${1:?SWEEP.toml} folder=${2:?DIR}
shift 2

# Without --kill-on-bad-exit, ranks would wait for ever for one that was killed.
srun ${DMFT_MPI:+--mpi="$DMFT_MPI"} --kill-on-bad-exit=1 dmft sweep "$sweep" -o "$folder" --wait 300 "$@"
status=$?
[ "$status" = 4 ] && scontrol requeue "$SLURM_JOB_ID"
exit "$status"
