"""Commands, one small file each."""
