"""Open data: how many boarded where and when, told so that nobody is found in it. Pure."""
