"""One file a peer: how it loads the model, takes a workload and runs it.

Every engine offers `load(artifacts, settings, precision, threads)` and `prepare(batches)`, which together are the load
time; `run()`, which is the latency; and `hidden_states()`, which runs and gives float32 arrays [sequences, tokens, hidden].
"""
