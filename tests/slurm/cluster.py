"""A real Slurm on this machine, for tests: munged, slurmctld and slurmd of virtual nodes, all below one folder.

No root, no systemd, no control groups, no accounting, nothing in /etc.  What must be installed: `PACKAGES`.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

PACKAGES = "munge slurmctld slurmd slurm-client"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
# Daemons are in folders that a user's PATH may lack.
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
NODES, CPUS, MEGABYTES = 2, 2, 2000
PATIENCE = 600.0

# A requeued job waits for cred_expire, by default two minutes.  MPI names its shared memory after the job, and what is killed
# leaves it behind: no job of an earlier cluster may have had the same number.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/ended
MpiDefault=pmi2
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=100000,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU={memory_per_cpu}
ReturnToService=1
JobRequeue=1
KillWait=5
MinJobAge=3600
FirstJobId={first_job}
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
NodeName=n[0-{last}] NodeHostname={host} NodeAddr=127.0.0.1 Port={ports} CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=00:10:00 State=UP
"""


def missing_programs() -> list[str]:
    """Programs of Slurm that are not installed."""
    return [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]


class Cluster:
    """The cluster and its commands; `start` and `stop` it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_", "PMI"))},
            "PATH": PATH,
            "SLURM_CONF": str(folder / "slurm.conf"),
        }

    def start(self) -> None:
        """Bring up all daemons and wait for the nodes."""
        for name in ("state", "spool", *(f"spool/n{number}" for number in range(NODES))):
            (self.folder / name).mkdir()
        # munged looks at who could change its folders.
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        ports = free_ports(NODES + 1)
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                folder=self.folder,
                host=socket.gethostname().split(".")[0],
                user=psutil.Process().username(),
                first_job=random.randrange(10**6, 5 * 10**7),
                port=ports[0],
                ports=f"{ports[1]}-{ports[-1]}",
                last=NODES - 1,
                cpus=CPUS,
                memory=MEGABYTES,
                memory_per_cpu=MEGABYTES // CPUS,
            )
        )
        at = self.folder
        self.run(
            "munged", "--force", f"--key-file={key}", f"--socket={at}/munge.socket", f"--pid-file={at}/munged.pid",
            f"--log-file={at}/munged.log", f"--seed-file={at}/munged.seed",
        )  # fmt: skip
        self.run("slurmctld", "-f", at / "slurm.conf")
        wait_for(lambda: "is UP" in self.output("scontrol", "ping", check=False))
        for number in range(NODES):
            self.run("slurmd", "-f", at / "slurm.conf", "-N", f"n{number}")
        wait_for(lambda: self.output("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split() == [f"n{n}" for n in range(NODES)])

    def stop(self) -> None:
        """End jobs first, then the daemons, by the processes in their own files."""
        with suppress(subprocess.SubprocessError, AssertionError):
            self.run("scancel", "--full", "--signal=KILL", f"--user={psutil.Process().username()}", check=False)
            self.run("scancel", f"--user={psutil.Process().username()}", check=False)
            wait_for(lambda: not self.output("squeue", "-h", "-t", "R,CG,S", check=False).strip(), 20.0)
        files = [*sorted(self.folder.glob("n*.pid")), self.folder / "slurmctld.pid", self.folder / "munged.pid"]
        found = []
        for file in files:
            with suppress(OSError, ValueError, psutil.NoSuchProcess):
                found.append(psutil.Process(int(file.read_text())))
        for daemon in found:
            with suppress(psutil.NoSuchProcess):
                daemon.terminate()
        _, alive = psutil.wait_procs(found, timeout=10)
        for daemon in alive:
            daemon.kill()

    def run(self, *command, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of Slurm."""
        # Daemons keep what they are given open: a file, as a pipe would never end.
        with (self.folder / "daemons.out").open("a+") as out:
            ended = subprocess.run(
                list(map(str, command)), env=self.environment, stdout=out, stderr=out, text=True, timeout=PATIENCE, check=False
            )
        assert not check or ended.returncode == 0, (command, (self.folder / "daemons.out").read_text()[-2000:])
        return ended

    def output(self, *command, check: bool = True) -> str:
        """What a command prints."""
        ended = subprocess.run(
            list(map(str, command)), env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert not check or ended.returncode == 0, (command, ended.stderr)
        return ended.stdout

    def submit(self, *arguments) -> str:
        """sbatch; the number of the job."""
        return self.output("sbatch", "--parsable", *arguments).strip()

    def state(self, job: str) -> str:
        """State of a job, or those of all tasks of an array."""
        return " ".join(sorted(self.field(job, "JobState")))

    def field(self, job: str, name: str) -> list[str]:
        """One field of what scontrol tells of a job, for each of its tasks."""
        words = self.output("scontrol", "show", "job", job).split()
        return [word.partition("=")[2] for word in words if word.startswith(f"{name}=")]

    def wait(self, job: str, states: tuple[str, ...] = ("COMPLETED",)) -> None:
        """Wait until a job, with all its tasks, is in one of these states."""
        wait_for(
            lambda: set(self.field(job, "JobState")) <= set(states), message=lambda: self.output("scontrol", "show", "job", job)
        )


def free_ports(number: int) -> list[int]:
    """Neighbouring ports of this machine that nobody uses."""
    first = 20000 + os.getpid() % 20000
    while True:
        ports = list(range(first, first + number))
        try:
            for port in ports:
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
        except OSError:
            first += number
        else:
            return ports


def wait_for(condition, seconds: float = PATIENCE, message=lambda: "") -> None:
    """Wait until something is the case."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, message()
        time.sleep(0.1)
