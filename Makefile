.PHONY: run test check bench
