"""Where many fits run: processes of this machine, tasks of Ray, shards of a Slurm array."""

from undertow.experiments.workers.options import Workers
from undertow.experiments.workers.shard import Shard, check_all_there

__all__ = ["Shard", "Workers", "check_all_there"]
