"""Keys that sign and cannot be taken along: in a security module, a smart card or a TPM, reached by PKCS#11."""
