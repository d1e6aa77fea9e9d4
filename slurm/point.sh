#!/bin/bash
#SBATCH --job-name=dmft-point
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@180
#SBATCH --requeue
#SBATCH --mem=1000M
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
# One problem file into one run file; goes on where it was stopped, as often as the time limit makes necessary.
#
#   sbatch --partition=P --account=A slurm/point.sh PROBLEM.toml RUN.h5 [OPTION...]
set -uo pipefail
# DMFT_SETUP: a file to read first, which loads modules and activates an environment.
[ -z "${DMFT_SETUP:-}" ] || . "$DMFT_SETUP"
if ! command -v dmft >/dev/null; then
    echo "dmft is not on PATH: activate its environment before sbatch, or name a file that does so in DMFT_SETUP" >&2
    exit 2
fi
problem=${1:?wanted PROBLEM.toml RUN.h5} run=${2:?wanted PROBLEM.toml RUN.h5}
shift 2

# The signal goes to the step, which stops after a checkpoint with status 4.
srun --ntasks=1 dmft solve "$problem" -o "$run" "$@"
status=$?
[ "$status" = 4 ] && scontrol requeue "$SLURM_JOB_ID"
exit "$status"
