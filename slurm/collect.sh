#!/bin/bash
#SBATCH --job-name=dmft-collect
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
#SBATCH --open-mode=append
# The table of a sweep and its figure, once the jobs of the sweep have ended.
#
#   sbatch --partition=P --account=A --dependency=afterany:JOB slurm/collect.sh DIR
set -uo pipefail
folder=${1:?DIR}

dmft status "$folder"
dmft collect "$folder" && dmft plot "$folder/sweep.h5"
