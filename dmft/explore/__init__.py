"""`dmft explore`: a page on this machine on which curves and kernels follow sliders."""
