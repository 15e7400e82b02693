"""Online distillation on one GPU, in PyTorch: a student learns from a teacher that runs beside it.

Processes of the CPU draw canvases, the teacher labels each once, and the student trains on a few
windows of it. TensorFlow and Keras are not imported; everything else of training is in
`tfpose.training`.

    drawing   canvases, drawn by processes
    pack      a prepared set as two files, to send to the GPU's machine
    networks  tfpose_s and its teacher, in PyTorch
    labels    the teacher's maps, averaged over sizes and mirror images
    pool      canvases and maps on the GPU, and windows of them
    muon      the update rule of `tfpose.training.update.optimisers`
    train     the loop

and for the second look, whose teachers answered before (`tfpose cache-people`):

    person_network  tfpose_person in PyTorch
    person_views    crops of cached people, as a first network's boxes would cut them
    distil_people   what it learns from
    box_views       windows of pictures with the boxes that detectors found
    distil_boxes    the boxes of tfpose_s, and our detectors, likewise
    narrowing       a narrow detector's start, from a wide one's channels
    learning        the loop of both
    lessons         the loop in one process or in several
    together        processes that average their weights
"""
