"""How long a stream takes for a bin, and whether it grows: every model that can be streamed.

    OMP_NUM_THREADS=1 python benchmarks/streaming.py [--steps 200000] [--others 20000]
        [--neurons 182] [--onnx]

Models are fitted for a moment (a step takes as long however good the fit) on made trials of 182
neurons, a quarter held out, 100 bins of 10 ms; then each reads one long series of bins, without a
reset. Times are those of `Stream.step`, from counts to rates, by the clock, one thread; memory is
what the process gains in as many further steps after their first tenth. LangevinFlow takes
`--steps` bins, the other models `--others`. With `--onnx` LangevinFlow's step is also exported to
ONNX Runtime (packages onnx, onnxscript and onnxruntime), and timed without what surrounds it in
turn with the flat program and with torch, which compute the same. A second table has bins that come
every 20 ms, with nothing to do between: caches and clock are then cold, as on a rig.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from undertow import LatentSDE, TrialSet
from undertow.baselines import LDS, PCA, Smoothing, SpikeRidge
from undertow.experiments.text_tables import markdown_table
from undertow.models import LFADS, NDT, LangevinFlow
from undertow.models.base import Estimator
from undertow.models.streaming import Stream
from undertow.training import Training

QUICK = Training(steps=4, validate_every=1)
CAUSAL: dict[str, Any] = {
    "causal": True,
    "encoder__bidirectional": False,
    "posterior__initial_s": "first",
}
PACED = 500
HEADS = ["model", "p50 µs", "p99 µs", "p99.9 µs", "worst µs", "memory gained"]


def made_trials(neurons: int) -> TrialSet:
    """Poisson counts under slow waves."""
    rng = np.random.default_rng(0)
    waves = np.sin(np.arange(100) / 8 + rng.uniform(0, 6, (40, 1)))[..., None]
    rates = 8 * np.exp(0.5 * waves * rng.normal(size=neurons))
    counts = rng.poisson(rates * 0.01)
    return TrialSet(counts, 0.01).hold_out(neurons // 4, seed=0)


def streams(trials: TrialSet) -> dict[str, Callable[[], Stream]]:
    """What is timed, by name."""
    flow = LangevinFlow(training=QUICK).set_params(**CAUSAL)
    plain = LangevinFlow(training=QUICK, decoder="mlp").set_params(**CAUSAL)
    narrow = LangevinFlow(training=QUICK).set_params(**CAUSAL, decoder__width=64)
    sde = LatentSDE(training=QUICK).set_params(encoder__context="forward")
    lfads = LFADS(training=QUICK, causal=True).set_params(encoder__bidirectional=False)

    def fitted(model: Estimator, **options: Any) -> Callable[[], Stream]:
        def made() -> Stream:
            if not hasattr(model, "neuron_ids_"):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model.fit(trials, verbose=False)
            return model.stream(**options)

        return made

    return {
        "LangevinFlow, 2 samples": fitted(flow, samples=2),
        "LangevinFlow, 8 samples": fitted(flow),
        "LangevinFlow, decoders 64 wide, 2 samples": fitted(narrow, samples=2),
        "LangevinFlow, MLP decoders, 2 samples": fitted(plain, samples=2),
        "LatentSDE, 4 samples": fitted(sde, samples=4),
        "LatentSDE, 30 samples": fitted(sde),
        "LatentSDE, 500 particles": fitted(sde, particles=500),
        "LFADS, 2 samples": fitted(lfads, samples=2),
        "NDT": fitted(NDT(training=QUICK, causal=True)),
        "LDS (Kalman filter)": fitted(LDS(observed="gaussian")),
        "PCA": fitted(PCA(causal=True)),
        "ridge": fitted(SpikeRidge(causal=True)),
        "smoothing": fitted(Smoothing(causal=True)),
    }


def made_counts(stream: Stream) -> np.ndarray:
    """Bins that are read again and again."""
    rng = np.random.default_rng(1)
    return rng.poisson(0.1, (2000, len(stream.neuron_ids))).astype(np.float32)


def gained(stream: Stream, steps: int) -> int:
    """Bytes that the process gains after the first tenth of so many steps; nothing is recorded."""
    counts, early = made_counts(stream), 0
    for k in range(steps):
        if k == steps // 10:
            early = resident()
        stream.step(counts[k % len(counts)])
    return resident() - early


def timed(stream: Stream, steps: int, pause_s: float = 0.0) -> np.ndarray:
    """Microseconds of each step, without the first fiftieth."""
    counts, times, clock = made_counts(stream), np.ones(steps), time.perf_counter_ns
    for k in range(steps):
        row = counts[k % len(counts)]
        if pause_s:
            time.sleep(pause_s)
        start = clock()
        stream.step(row)
        times[k] = clock() - start
    return times[steps // 50 :] / 1e3


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def row_of(name: str, times: np.ndarray, gained: int) -> list[str]:
    """One row of the table."""
    shares = np.percentile(times, [50, 99, 99.9, 100])
    return [name, *(f"{each:,.0f}" for each in shares), f"{gained / 2**20:.1f} MiB"]


def beside_onnx(stream: Stream, steps: int) -> list[list[str]]:
    """The step of a LangevinFlow as a flat program, by ONNX Runtime, and by torch."""
    import onnxruntime

    stepper: Any = stream._stepper
    one_bin, inputs = stepper.one_bin, stepper.one_bin.inputs()
    names = list(inputs)

    class Step(torch.nn.Module):
        def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(one_bin(dict(zip(names, given, strict=True)), False).values())

    for weight in one_bin.network.parameters():
        weight.requires_grad_(False)
    given, module = tuple(inputs.values()), Step().eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module, given, dynamo=True, input_names=names, verbose=False)
        made = program.model_proto.SerializeToString()
        session = onnxruntime.InferenceSession(made, options)
        binding, kept = session.io_binding(), []
        shown = {each.name: inputs[each.name].numpy() for each in session.get_inputs()}
        for name, array in shown.items():
            kept.append(onnxruntime.OrtValue.ortvalue_from_numpy(array))
            binding.bind_ortvalue_input(name, kept[-1])
        results = session.run(None, shown)
        for output, result in zip(session.get_outputs(), results, strict=True):
            kept.append(onnxruntime.OrtValue.ortvalue_from_numpy(result))
            binding.bind_ortvalue_output(output.name, kept[-1])
        ways = {
            "flat program (NumPy)": stepper._later.run,
            "ONNX Runtime": lambda: session.run_with_iobinding(binding),
            "torch, no autograd": lambda: module(*given),
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(steps // 100):  # in turn: the machine is shared
            for name, run in ways.items():
                for _ in range(100):
                    start = time.perf_counter_ns()
                    run()
                    found[name].append((time.perf_counter_ns() - start) / 1e3)
    return [row_of(name, np.array(each), 0)[:-1] for name, each in found.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--others", type=int, default=20_000)
    parser.add_argument("--neurons", type=int, default=182)
    parser.add_argument("--onnx", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    made = streams(made_trials(options.neurons))
    if options.onnx:
        for name in list(made)[:2]:
            rows = beside_onnx(made[name](), options.others)
            print(markdown_table([f"the step alone: {name}", *HEADS[1:-1]], rows), flush=True)
    rows = []
    for name, make in made.items():
        steps = options.steps if name.startswith("LangevinFlow") else options.others
        stream = make()
        rows.append(row_of(name, timed(stream, steps), gained(stream, steps)))
        print(rows[-1], flush=True)
    print(markdown_table(HEADS, rows), flush=True)
    rows = [row_of(name, timed(make(), PACED, 0.02), 0)[:-1] for name, make in made.items()]
    print(markdown_table(["a bin every 20 ms", *HEADS[1:-1]], rows))


if __name__ == "__main__":
    main()
