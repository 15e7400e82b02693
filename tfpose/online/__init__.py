"""Online distillation on one GPU, in PyTorch: a teacher answers while its student learns.

A GPU asks the teacher a hundred times faster than two cores do, so that nothing is kept: canvases
are drawn by processes of the CPU, labelled once, shown a few times and forgotten. TensorFlow is
not imported, for machines that have PyTorch alone; the weights that come out are read by
`scripts.export` and `scripts.train` as any others.

    drawing   canvases, by processes
    networks  tfpose_s and its teacher, in PyTorch
    labels    the teacher's answers, over sizes and mirror images
    pool      canvases and answers on the GPU, and windows of them
    muon      the update rule of `tfpose.optimisers`
    train     the loop
"""
