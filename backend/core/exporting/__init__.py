"""What a rider is given of his own: everything that the backend holds of him, in one document. Pure."""
