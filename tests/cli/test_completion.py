"""Completion of commands and options in the shells that are installed, and help by -h."""

import os
import shutil
import subprocess
import sysconfig

import pytest

PROGRAM = sysconfig.get_path("scripts")
# Each shell loads the script that the program prints for it, and completes a line as after a press of the tab key.
ASK = {
    "bash": 'eval "$(dmft --show-completion bash)"; COMP_WORDS=(dmft {line}); COMP_CWORD={last}; '
    '_dmft_completion dmft; printf "%s\\n" "${{COMPREPLY[@]}}"',
    "fish": "dmft --show-completion fish | source; complete -C 'dmft {line}'",
    "zsh": 'autoload -Uz compinit && compinit -u -D; eval "$(dmft --show-completion zsh)"; '
    "(( $+functions[_dmft_completion] )) && _TYPER_COMPLETE_ARGS='dmft {line}' _DMFT_COMPLETE=complete_zsh dmft",
}


@pytest.mark.slow
@pytest.mark.parametrize("shell", ASK)
@pytest.mark.parametrize(
    ("line", "last", "wanted"), [("so", 1, "solve"), ("sim", 1, "simulate"), ("solve --ch", 2, "--checkpoint")]
)
def test_shells_complete_commands_and_options(shell, line, last, wanted, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{PROGRAM}:{os.environ['PATH']}"}
    script = ASK[shell].format(line=line, last=last)
    ended = subprocess.run([shell, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert wanted in ended.stdout, ended.stderr


def test_short_option_for_help(dmft):
    for command in ((), ("solve",)):
        assert dmft(*command, "-h") == dmft(*command, "--help")
        assert dmft(*command, "-h").code == 0
