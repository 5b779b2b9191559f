"""llama.cpp's own OpenAI-compatible server (PyPI `xllamacpp`) with the tiny model, until it is killed.

    python server.py MODEL.gguf PORT
"""

import signal
import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
parameters.n_ctx = 8192
parameters.n_parallel = 4
parameters.n_gpu_layers = 0
# Several threads wait for each other by spinning: where other programs want the cores, a token then takes half a second.
parameters.cpuparams.n_threads = 1
parameters.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
signal.pause()
