"""Settlement: what a service day's rides bring to operators and owners, frozen and never written anew. Pure."""
