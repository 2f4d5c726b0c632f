using DistSgd.Learning.Data;
using DistSgd.Learning.Models;

namespace DistSgd.Trainer;

/// <summary>Which model the labels ask for, and how they are mapped.</summary>
internal static class TaskChoice
{
    /// <exception cref="LabelException">The labels don't fit the model that was asked for, or fit none.</exception>
    /// <exception cref="TrainingException">The model isn't learned with the loss that was asked for.</exception>
    public static (ModelSpec Model, LabelMap Labels) Choose(Dataset data, TrainingOptions options)
    {
        ModelKind kind = options.Model ?? (TaskDetection.Detect(data.Labels) == LearningTask.Regression ? ModelKind.Linear : ModelKind.Logistic);
        if (options.Loss is { } loss && !ModelSpec.LossesOf(kind).Contains(loss))
        {
            throw new TrainingException($"--loss {KindName.Of(loss)} doesn't go with --model {KindName.Of(kind)}; expected --loss {string.Join(" or ", ModelSpec.LossesOf(kind).Select(known => KindName.Of(known)))}.");
        }
        ModelSpec model = ModelSpec.Of(kind, options.Loss) with { HuberDelta = (float)(options.HuberDelta ?? 1) };
        return (model, model.IsRegression ? LabelMap.Identity : LabelMap.ForClassification(data.Labels));
    }
}
