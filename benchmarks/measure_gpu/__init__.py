"""Short fine-tuning runs of random-weight models on the GPU at hand, written as rows that `gpuplan predict` reads."""
