"""One folder a theory; importing this package registers them all."""

from dmft.models.hinge import parameters as hinge
from dmft.models.online_sgd import parameters as online_sgd
from dmft.models.random_features import parameters as random_features
from dmft.models.spherical_pspin import parameters as spherical_pspin
from dmft.models.two_layer_flow import parameters as two_layer_flow

__all__ = ["hinge", "online_sgd", "random_features", "spherical_pspin", "two_layer_flow"]
