"""I/O of the bridge: the serial port, by pyserial."""
