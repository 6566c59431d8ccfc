"""Why a tap cost what it did: facts of one tap in, reasons with their numbers out. Pure."""
