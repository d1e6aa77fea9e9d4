"""Results in the forms that other programs read: xarray, pandas, CSV, JSON."""
