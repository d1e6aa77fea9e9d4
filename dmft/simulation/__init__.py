"""Simulations: finite systems on exactly the problem of a file; importing this package registers every model that has one."""

from dmft.simulation import hinge as hinge
from dmft.simulation import online_sgd as online_sgd
from dmft.simulation import random_features as random_features
from dmft.simulation import two_layer_flow as two_layer_flow
