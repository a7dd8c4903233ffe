"""Run by test_resume.py in a process of its own: trains, and is killed at a step of the caller's choice."""

import os
import signal
import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from conftest import make_data, make_model  # noqa: E402

from mtlkit.tasks import SST  # noqa: E402
from mtlkit.training import Settings, train  # noqa: E402
from mtlkit.training.run import Run  # noqa: E402

SETTINGS = Settings(epochs=3, batch_size=8, lr=2e-3, precision="float32", save_every=4)

if __name__ == "__main__":
    folder, *steps = sys.argv[1:]
    torch.set_num_threads(1)  # as conftest.py has it
    whole = Run.update

    def update(self, index):
        if self.step == int(steps[0]):
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(self, index)

    Run.update = update
    train(make_model(), SST, make_data(42, 1), make_data(20, 2), SETTINGS, folder, progress=False)
