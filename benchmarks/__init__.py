"""What speed and memory are, measured: `python -m benchmarks` prints a table of targets and of what was reached.

Every figure over a socket is a ratio to a bare baseline that runs interleaved with it in the same process, because
absolute ones say more about the machine than about the code.
"""
