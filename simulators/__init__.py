"""The city in a box: riders, phones, cameras, network, broker and payment provider, all from one seed."""
