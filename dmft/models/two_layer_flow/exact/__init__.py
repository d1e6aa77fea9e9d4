"""The exact theory of real networks: one training sample as a stochastic process, sampled."""
