"""`undertow nlb`: the verbs of the Neural Latents Benchmark, one file each."""
