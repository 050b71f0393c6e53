"""One file a peer: how it loads the model, takes a workload and runs it.

Every engine is made as `Engine(artifacts, settings, precision, threads)`, which imports what it needs and reads no weights.
`load()` and `prepare(batches)` together are the load time; `run()` is the latency; `hidden_states()` runs and gives float32
arrays [sequences, tokens, hidden]. A batch's arrays that the model does not read are left out.
"""
