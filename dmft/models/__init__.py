"""One file a theory; importing this package registers them all."""

from dmft.models import hinge as hinge
from dmft.models import online_sgd as online_sgd
from dmft.models import random_features as random_features
from dmft.models import spherical_pspin as spherical_pspin
from dmft.models import two_layer_flow as two_layer_flow
