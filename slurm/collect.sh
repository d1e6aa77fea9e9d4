#!/bin/bash
#SBATCH --job-name=dmft-collect
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
#SBATCH --mem=1000M
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
# The table of a sweep and its figure, once the jobs of the sweep have ended.
#
#   sbatch --partition=P --account=A --dependency=afterany:JOB slurm/collect.sh DIR
set -uo pipefail
# DMFT_SETUP: a file to read first, which loads modules and activates an environment.
[ -z "${DMFT_SETUP:-}" ] || . "$DMFT_SETUP"
if ! command -v dmft >/dev/null; then
    echo "dmft is not on PATH: activate its environment before sbatch, or name a file that does so in DMFT_SETUP" >&2
    exit 2
fi
folder=${1:?wanted DIR}

dmft status "$folder"
dmft collect "$folder" && dmft plot "$folder/sweep.h5"
