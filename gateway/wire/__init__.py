"""Bodies that others see, one module an API version."""
