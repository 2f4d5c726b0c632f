using DistSgd.Learning.Data;
using DistSgd.Learning.Models;

namespace DistSgd.Trainer;

/// <summary>Which model the labels ask for, and how they are mapped.</summary>
/// <param name="Model">Model, loss and constants.</param>
/// <param name="Labels">The labels' mapping.</param>
/// <param name="Reason">Why the model was chosen; empty if it was given or is obvious.</param>
internal sealed record TaskChoice(ModelSpec Model, LabelMap Labels, string Reason)
{
    /// <exception cref="LabelException">The labels don't fit the model that was asked for, or fit none.</exception>
    /// <exception cref="TrainingException">The model isn't learned with the loss that was asked for.</exception>
    public static TaskChoice Choose(Dataset data, TrainingOptions options)
    {
        (ModelKind kind, string reason) = options.Model is { } asked ? (asked, "") : Detect(data);
        IReadOnlyList<LossKind> losses = ModelSpec.LossesOf(kind);
        if (options.Loss is { } loss && !losses.Contains(loss))
            throw new TrainingException($"--loss {KindName.Of(loss)} doesn't go with --model {KindName.Of(kind)}; expected --loss {string.Join(" or ", losses.Select(known => KindName.Of(known)))}.");
        ModelSpec model = ModelSpec.Of(kind, options.Loss) with { HuberDelta = (float)(options.HuberDelta ?? 1), Margin = (float)(options.Margin ?? 1) };
        LabelMap labels = model.IsBinary ? LabelMap.ForClassification(data.Labels) : model.HasClassScores ? LabelMap.ForClasses(data.Labels) : LabelMap.Identity;
        return new TaskChoice(model.HasClassScores ? model with { Outputs = labels.Classes.Count } : model, labels, reason);
    }

    private static (ModelKind Kind, string Reason) Detect(Dataset data)
    {
        int distinct = data.Labels.Distinct?.Count ?? 0;
        bool whole = distinct > 2 && data.Labels.Distinct!.All(label => label.Label == MathF.Round(label.Label));
        return TaskDetection.Detect(data.Labels) switch
        {
            LearningTask.Classification => (ModelKind.Logistic, ""),
            LearningTask.Classes => (ModelKind.Softmax, $"{distinct} labels numbered from {data.Labels.Minimum} are taken for classes; if they are real targets, say --model linear"),
            _ => (ModelKind.Linear, whole ? $"{distinct} whole-numbered labels from {data.Labels.Minimum} to {data.Labels.Maximum} are taken for real targets; if they are classes, say --model softmax" : ""),
        };
    }
}
