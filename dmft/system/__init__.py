"""The machine: files that can be read whole, memory that is left."""
