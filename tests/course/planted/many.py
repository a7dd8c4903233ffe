"""Wrong answers to 09_many_tasks, most of them seen in public forks of the course project."""

import numpy as np
import torch
import torch.nn.functional as F


def outputs_of(encoder, heads, name, batch):
    return heads[name](encoder(batch.ids, batch.mask, batch.types), batch.mask)


def branch_copied_with_its_head(encoder, heads, task, batch):
    name = "para" if task.name == "sts" else task.name
    return task.loss(outputs_of(encoder, heads, name, batch), batch.labels)


def labels_cut_to_integers(encoder, heads, task, batch):
    return task.loss(outputs_of(encoder, heads, task.name, batch), batch.labels.long())


def labels_all_made_floats(encoder, heads, task, batch):
    return task.loss(outputs_of(encoder, heads, task.name, batch), batch.labels.double())


def one_loss_for_all(encoder, heads, task, batch):
    outputs = outputs_of(encoder, heads, task.name, batch)
    if outputs.shape[1] > 1:
        return F.cross_entropy(outputs, batch.labels)
    return F.mse_loss(outputs.squeeze(-1), batch.labels)


def branches(encoder, heads, task, batch):
    outputs = outputs_of(encoder, heads, task.name, batch)
    if task.name == "sst" or task.name == "para" or task.name == "sts":
        return task.loss(outputs, batch.labels)
    raise ValueError(f"unknown task {task.name}")


def softmax_before_the_loss(encoder, heads, task, batch):
    outputs = outputs_of(encoder, heads, task.name, batch)
    return task.loss(outputs.softmax(-1) if outputs.shape[1] > 1 else outputs, batch.labels)


def sigmoid_on_every_single_output(encoder, heads, task, batch):
    outputs = outputs_of(encoder, heads, task.name, batch)
    return task.loss(outputs.sigmoid() if outputs.shape[1] == 1 else outputs, batch.labels)


def divided_by_a_batch_size(encoder, heads, task, batch):
    return task.loss(outputs_of(encoder, heads, task.name, batch), batch.labels) / 8


def mask_forgotten(encoder, heads, task, batch):
    return task.loss(heads[task.name](encoder(batch.ids, None, batch.types), batch.mask), batch.labels)


def types_forgotten(encoder, heads, task, batch):
    return task.loss(heads[task.name](encoder(batch.ids, batch.mask), batch.mask), batch.labels)


def all_heads(encoder, heads, task, batch):
    output = encoder(batch.ids, batch.mask, batch.types)
    outputs = {name: head(output, batch.mask) for name, head in heads.items()}
    return task.loss(outputs[task.name], batch.labels)


def a_float(encoder, heads, task, batch):
    return task.loss(outputs_of(encoder, heads, task.name, batch), batch.labels).item()


def detached(encoder, heads, task, batch):
    return task.loss(outputs_of(encoder, heads, task.name, batch), batch.labels).detach()


def step_inside(model, tasks, batches, optimizer):
    model.train()
    losses = {}
    for name, batch in batches.items():
        optimizer.zero_grad()
        loss = tasks[name].loss(model(batch, name), batch.labels)
        loss.backward()
        optimizer.step()
        losses[name] = loss.item()
    return losses


def clear_inside(model, tasks, batches, optimizer):
    model.train()
    losses = {}
    for name, batch in batches.items():
        optimizer.zero_grad()
        loss = tasks[name].loss(model(batch, name), batch.labels)
        loss.backward()
        losses[name] = loss.item()
    optimizer.step()
    return losses


def never_cleared(model, tasks, batches, optimizer):
    model.train()
    losses = {}
    for name, batch in batches.items():
        loss = tasks[name].loss(model(batch, name), batch.labels)
        loss.backward()
        losses[name] = loss.item()
    optimizer.step()
    return losses


def cleared_before_the_step(model, tasks, batches, optimizer):
    model.train()
    losses = {}
    for name, batch in batches.items():
        loss = tasks[name].loss(model(batch, name), batch.labels)
        loss.backward()
        losses[name] = loss.item()
    optimizer.zero_grad()
    optimizer.step()
    return losses


def mean_over_tasks(model, tasks, batches, optimizer):
    model.train()
    optimizer.zero_grad()
    losses = {}
    for name, batch in batches.items():
        loss = tasks[name].loss(model(batch, name), batch.labels)
        (loss / len(batches)).backward()
        losses[name] = loss.item()
    optimizer.step()
    return losses


def cut_off(model, tasks, batches, optimizer):
    model.train()
    optimizer.zero_grad()
    losses = {}
    for name, batch in batches.items():
        loss = tasks[name].loss(model(batch, name).detach().requires_grad_(), batch.labels)
        loss.backward()
        losses[name] = loss.item()
    optimizer.step()
    return losses


def last_loss_only(model, tasks, batches, optimizer):
    model.train()
    optimizer.zero_grad()
    losses = {}
    for name, batch in batches.items():
        loss = tasks[name].loss(model(batch, name), batch.labels)
        losses[name] = loss.item()
    loss.backward()
    optimizer.step()
    return losses


def one_big_graph(model, tasks, batches, optimizer):
    model.train()
    optimizer.zero_grad()
    losses = {name: tasks[name].loss(model(batch, name), batch.labels) for name, batch in batches.items()}
    sum(losses.values()).backward()
    optimizer.step()
    return {name: loss.item() for name, loss in losses.items()}


def evaluation_mode(model, tasks, batches, optimizer):
    optimizer.zero_grad()
    losses = {}
    for name, batch in batches.items():
        loss = tasks[name].loss(model(batch, name), batch.labels)
        loss.backward()
        losses[name] = loss.item()
    optimizer.step()
    return losses


def past_the_model(model, tasks, batches, optimizer):
    model.train()
    optimizer.zero_grad()
    losses = {}
    for name, batch in batches.items():
        loss = tasks[name].loss(outputs_of(model.encoder, model.heads, name, batch), batch.labels)
        loss.backward()
        losses[name] = loss.item()
    optimizer.step()
    return losses


def tensors_kept(model, tasks, batches, optimizer):
    model.train()
    optimizer.zero_grad()
    losses = {}
    for name, batch in batches.items():
        losses[name] = tasks[name].loss(model(batch, name), batch.labels)
        losses[name].backward()
    optimizer.step()
    return losses


def all_tasks_or_none(model, tasks, batches, optimizer):
    model.train()
    optimizer.zero_grad()
    losses = {}
    for name in ("sst", "para", "sts"):
        loss = tasks[name].loss(model(batches[name], name), batches[name].labels)
        loss.backward()
        losses[name] = loss.item()
    optimizer.step()
    return losses


def frozen(features, *sets):
    was_training = features.training
    features.eval()
    with torch.no_grad():
        vectors = [features(data).numpy() for data in sets]
    features.train(was_training)
    return vectors


def fitted_on_dev(features, task, train_data, dev_data, probe):
    (x,) = frozen(features, dev_data)
    probe.fit(x, dev_data.labels)
    return task.metric(probe.predict(x), dev_data.labels)


def fitted_on_both(features, task, train_data, dev_data, probe):
    x, dev_x = frozen(features, train_data, dev_data)
    probe.fit(np.concatenate([x, dev_x]), [*train_data.labels, *dev_data.labels])
    return task.metric(probe.predict(dev_x), dev_data.labels)


def scored_on_train(features, task, train_data, dev_data, probe):
    x, _ = frozen(features, train_data, dev_data)
    probe.fit(x, train_data.labels)
    return task.metric(probe.predict(x), train_data.labels)


def dropout_left_on(features, task, train_data, dev_data, probe):
    with torch.no_grad():
        x, dev_x = features(train_data).numpy(), features(dev_data).numpy()
    probe.fit(x, train_data.labels)
    return task.metric(probe.predict(dev_x), dev_data.labels)


def with_a_graph(features, task, train_data, dev_data, probe):
    features.eval()
    x, dev_x = features(train_data).detach().numpy(), features(dev_data).detach().numpy()
    probe.fit(x, train_data.labels)
    return task.metric(probe.predict(dev_x), dev_data.labels)


def mode_not_restored(features, task, train_data, dev_data, probe):
    features.eval()
    with torch.no_grad():
        x, dev_x = features(train_data).numpy(), features(dev_data).numpy()
    probe.fit(x, train_data.labels)
    return task.metric(probe.predict(dev_x), dev_data.labels)


def arguments_exchanged(features, task, train_data, dev_data, probe):
    x, dev_x = frozen(features, train_data, dev_data)
    probe.fit(x, train_data.labels)
    return task.metric(dev_data.labels, probe.predict(dev_x))


def the_probes_own_score(features, task, train_data, dev_data, probe):
    x, dev_x = frozen(features, train_data, dev_data)
    probe.fit(x, train_data.labels)
    return probe.score(dev_x, dev_data.labels)


def first_minus_last(scores):
    return scores[0] - scores[-1]


def best_over_the_wrong_axis(scores):
    return scores.max(axis=1) - scores[:, -1]


def sign_turned(scores):
    return scores[-1] - scores.max(axis=0)


def best_minus_worst(scores):
    return scores.max(axis=0) - scores.min(axis=0)


def last_look_left_out(scores):
    return scores[:-1].max(axis=0) - scores[-1]


def one_best_for_all(scores):
    return scores.max() - scores[-1]


def mean_over_the_tasks(scores):
    return (scores.max(axis=0) - scores[-1]).mean()


def largest_fall(scores):
    return (scores[:-1] - scores[1:]).max(axis=0)


PLANTED = {
    "task_loss": {
        "a branch copied with the wrong head": branch_copied_with_its_head,
        "labels cut to integers": labels_cut_to_integers,
        "labels all made float64": labels_all_made_floats,
        "one loss for all single outputs": one_loss_for_all,
        "branches for three names": branches,
        "softmax before the loss": softmax_before_the_loss,
        "sigmoid on STS too": sigmoid_on_every_single_output,
        "divided by a batch size": divided_by_a_batch_size,
        "no mask for the encoder": mask_forgotten,
        "no token types": types_forgotten,
        "all heads run": all_heads,
        "a float": a_float,
        "no graph": detached,
    },
    "many_task_step": {
        "a step for each task": step_inside,
        "cleared for each task": clear_inside,
        "never cleared": never_cleared,
        "cleared before the step": cleared_before_the_step,
        "the mean over tasks": mean_over_tasks,
        "detached": cut_off,
        "only the last loss goes backward": last_loss_only,
        "one graph of all tasks": one_big_graph,
        "evaluation mode": evaluation_mode,
        "parts of the model called": past_the_model,
        "tensors returned": tensors_kept,
        "every task in every step": all_tasks_or_none,
    },
    "transfer_score": {
        "fitted on dev": fitted_on_dev,
        "fitted on train and dev": fitted_on_both,
        "scored on train": scored_on_train,
        "dropout left on": dropout_left_on,
        "a graph for nothing": with_a_graph,
        "mode not restored": mode_not_restored,
        "predictions and labels exchanged": arguments_exchanged,
        "the probe's own score": the_probes_own_score,
    },
    "forgetting": {
        "first minus last": first_minus_last,
        "best over the wrong axis": best_over_the_wrong_axis,
        "sign turned": sign_turned,
        "best minus worst": best_minus_worst,
        "last look left out": last_look_left_out,
        "one best for all tasks": one_best_for_all,
        "one number": mean_over_the_tasks,
        "the largest fall between two looks": largest_fall,
    },
}

TOLD = {  # words that the verdict must have
    "task_loss": {
        "a branch copied with the wrong head": "for the task 'sts' the heads called are: 'para'",
        "labels cut to integers": "4.6 becomes 4",
        "labels all made float64": "reach the loss as float64",
        "one loss for all single outputs": "was never called",
        "branches for three names": "unknown task emotion",
        "softmax before the loss": "not what the head gave",
        "sigmoid on STS too": "not what the head gave",
        "no mask for the encoder": "tokens attend to padding",
        "no token types": "token types",
        "all heads run": "the heads called are",
        "no graph": "nothing to go backward through",
    },
    "many_task_step": {
        "a step for each task": "took 3 steps",
        "cleared for each task": "only the last one is left",
        "never cleared": "never cleared",
        "cleared before the step": "that pass was for nothing",
        "the mean over tasks": "0.33 times",
        "detached": "never goes backward",
        "only the last loss goes backward": "never goes backward",
        "one graph of all tasks": "all graphs are in memory at once",
        "evaluation mode": "not in train mode",
        "parts of the model called": "none, as model(batch, name)",
        "tensors returned": "keeps its graph alive",
    },
    "transfer_score": {
        "fitted on dev": "fitted on dev",
        "fitted on train and dev": "on train and dev",
        "scored on train": "that on train",
        "dropout left on": "train mode",
        "a graph for nothing": "a graph was built",
        "mode not restored": "left it in the other",
        "predictions and labels exchanged": "exchanged",
        "the probe's own score": "metric was not asked",
    },
    "forgetting": {
        "first minus last": "the first look minus the last",
        "best over the wrong axis": "shape (5,)",
        "sign turned": "the sign is turned",
        "best minus worst": "the worst need not be the end",
        "last look left out": "leaves the last look out",
        "one number": "one number a task",
    },
}
