"""Growing arrays over time: what a theory keeps."""
