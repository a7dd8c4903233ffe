PYTHON ?= python3
export TORCH_INDEX

lab:        ## make .venv and the student copies in work/, then open them in JupyterLab
	$(PYTHON) -m mtlkit lab $(ARGS)

test:       ## lint, types, tests, and every notebook
	$(PYTHON) -m mtlkit test $(ARGS)

notebooks:  ## execute the notebooks in place (ARGS=05 for one)
	$(PYTHON) -m mtlkit notebooks $(ARGS)

student:    ## make the student copies only; edited ones are left alone
	$(PYTHON) -m mtlkit student $(ARGS)

data:       ## bring the real CS224N files to data/cs224n
	$(PYTHON) -m mtlkit data fetch $(ARGS)

help:       ## this list
	@grep -E '^[a-z]+: +##' Makefile | sed 's/: *##/:/'

.PHONY: lab test notebooks student data help
.DEFAULT_GOAL := help
