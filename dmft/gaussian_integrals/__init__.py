"""Averages of products of activations and their derivatives over jointly Gaussian fields x_1, x_2, ... with covariance C:

    two_point(i, k)            E g(x_i) g(x_k)
    slopes(i, k)               E g'(x_i) g'(x_k)
    curvature(i, k)            E g''(x_i) g(x_k)
    four_point(i, k, a, b)     E g'(x_i) g'(x_k) g(x_a) g(x_b)

Indices may repeat and C may be singular.  By Stein's lemma the first two derivatives give what has a bare field in it too,

    E g'(x_i) x_n g(x_a) = C_in curvature(i, a) + C_na slopes(i, a).

`back_reaction` sums four-point functions, once for each set of fields.  One file for each activation with closed forms, one
for all others; all of it is compiled.
"""
