#!/bin/bash
#SBATCH --job-name=dmft-array
#SBATCH --array=0-9
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@180
#SBATCH --requeue
#SBATCH --open-mode=append
# A sweep in equal parts, one to each task of a job array; needs no MPI.
#
#   sbatch --partition=P --account=A --array=0-99 slurm/array.sh SWEEP.toml DIR [OPTION...]
set -uo pipefail
sweep=${1:?SWEEP.toml} folder=${2:?DIR}
shift 2
if [ $((SLURM_ARRAY_TASK_MAX - SLURM_ARRAY_TASK_MIN + 1)) != "$SLURM_ARRAY_TASK_COUNT" ]; then
    echo "tasks $SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX, but $SLURM_ARRAY_TASK_COUNT of them: wanted --array=FIRST-LAST" >&2
    exit 2
fi

srun --ntasks=1 dmft sweep "$sweep" -o "$folder" --wait 300 \
    --task $((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN)) --tasks "$SLURM_ARRAY_TASK_COUNT" "$@"
status=$?
[ "$status" = 4 ] && scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
exit "$status"
