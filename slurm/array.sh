#!/bin/bash
#SBATCH --job-name=dmft-array
#SBATCH --array=0-9
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@180
#SBATCH --requeue
#SBATCH --mem=1000M
#SBATCH --output=%x-%A_%a.log
#SBATCH --open-mode=append
# A sweep in equal parts, one to each task of a job array; needs no MPI.
#
#   sbatch --partition=P --account=A --array=0-99%10 slurm/array.sh SWEEP.toml DIR [OPTION...]
set -uo pipefail
# DMFT_SETUP: a file to read first, which loads modules and activates an environment.
[ -z "${DMFT_SETUP:-}" ] || . "$DMFT_SETUP"
if ! command -v dmft >/dev/null; then
    echo "dmft is not on PATH: activate its environment before sbatch, or name a file that does so in DMFT_SETUP" >&2
    exit 2
fi
sweep=${1:?wanted SWEEP.toml DIR} folder=${2:?wanted SWEEP.toml DIR}
shift 2
# Without DMFT_TASKS the tasks of the array are all parts; with it task I is part I of that many, as for --array=1,3 later on.
if [ -n "${DMFT_TASKS:-}" ]; then
    part=$SLURM_ARRAY_TASK_ID parts=$DMFT_TASKS
elif [ $((SLURM_ARRAY_TASK_MAX - SLURM_ARRAY_TASK_MIN + 1)) = "$SLURM_ARRAY_TASK_COUNT" ]; then
    part=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN)) parts=$SLURM_ARRAY_TASK_COUNT
else
    echo "$SLURM_ARRAY_TASK_COUNT of the tasks $SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX:" \
        "wanted --array=FIRST-LAST, or DMFT_TASKS=N" >&2
    exit 2
fi

srun --ntasks=1 dmft sweep "$sweep" -o "$folder" --wait 300 --task "$part" --tasks "$parts" "$@"
status=$?
[ "$status" = 4 ] && scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
exit "$status"
