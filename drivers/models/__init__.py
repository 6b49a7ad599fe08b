"""Register models as data, one meter, sensor or relay board a file."""
