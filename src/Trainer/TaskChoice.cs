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
        if (options.Init is { } start)
            options = options with { Model = options.Model ?? start.Kind, Loss = options.Loss ?? (options.Model is null || options.Model == start.Kind ? start.Spec.Loss : null) };
        try
        {
            if (!data.HasLabels)
                throw new TrainingException($"{data.Path} has no column of labels.");
            IReadOnlyList<string> names = data.Layout?.LabelNames ?? [];
            (ModelKind kind, string reason) = options.Model is { } asked ? (asked, "") : Detect(data);
            if (kind == ModelKind.Mlp)
                return NetworkOptions.Choose(data, options);
            IReadOnlyList<LossKind> losses = ModelSpec.LossesOf(kind);
            if (options.Loss is { } loss && !losses.Contains(loss))
                throw new TrainingException(options.Model is null && options.Init is null ? $"--loss {KindName.Of(loss)} doesn't go with the model that the labels choose, {KindName.Of(kind)}; add --model {ModelCheck.ModelsOf(loss)}." : OptionCheck.LossRefusal(kind, loss));
            LossKind? usual = options.Loss ?? (kind == ModelKind.StructuredSvm && data.HasLabelSets ? LossKind.Hamming : options.Taxonomy is not null && kind == ModelKind.StructuredSvm ? LossKind.Tree : null);
            ModelSpec model = ModelSpec.Of(kind, usual) with { HuberDelta = (float)(options.HuberDelta ?? 1), Margin = (float)(options.Margin ?? 1) };
            if (options.Margin is { } margin && model.Loss is not (LossKind.CrammerSinger or LossKind.ZeroOne))
                throw new TrainingException($"--margin {margin} has no effect on --loss {KindName.Of(model.Loss)}, which the labels choose; leave it out.");
            if (model.IsRanking && !data.HasQueries)
                throw new TrainingException("--model svm-rank needs queries: give every row qid:NUMBER behind its label.");
            if (data.HasLabelSets && !model.IsMultiLabel)
                throw new TrainingException($"--model {KindName.Of(kind)}{(model.Loss == losses[0] ? "" : $" --loss {KindName.Of(model.Loss)}")} learns one label a row, but rows of the data have several; use --model structured-svm --loss hamming.");
            if (model.Loss == LossKind.Tree != options.Taxonomy is not null)
                throw new TrainingException(options.Taxonomy is null ? "--loss tree needs the tree of classes: give it with --taxonomy FILE." : $"--taxonomy {options.Taxonomy} is given without --model structured-svm --loss tree.");
            LabelMap labels = model.IsMultiLabel && data.HasLabelSets ? LabelMap.OfClasses(data.SetLabels) : model.IsBinary ? LabelMap.ForClassification(data.Labels) : model.HasClassScores ? LabelMap.ForClasses(data.Labels) : LabelMap.Identity;
            if (options.Init is { } init)
                labels = WarmStart.Labels(init, model, labels, data);
            if (model.HasClassScores)
                model = model with { Outputs = labels.Classes.Count, Costs = options.Taxonomy is null ? CostMatrix.None : Taxonomy.Read(options.Taxonomy, labels.Classes) };
            if (names.Count > 0 && !model.IsBinary && !model.HasClassScores)
                throw new TrainingException($"--model {KindName.Of(kind)} learns numbers, but the labels are texts ({string.Join(", ", names.Take(3))}{(names.Count > 3 ? ", …" : "")}). Name a column of numbers with --label-column, or leave --model out.");
            return new TaskChoice(model, labels.Named(names), reason);
        }
        catch (LabelException unfit)
        {
            throw unfit.In(data);
        }
    }

    /// <summary>The models that labels choose by themselves; beside them the structured SVM, for rows of several labels, with its loss for these.</summary>
    internal static IReadOnlyList<ModelKind> Choosable { get; } = [ModelKind.Logistic, ModelKind.Softmax, ModelKind.Linear, ModelKind.SvmRank];

    internal static (ModelKind Kind, string Reason) Detect(Dataset data)
    {
        if (data.HasLabelSets)
            return (ModelKind.StructuredSvm, "rows have several labels");
        if (data.HasQueries)
            return (ModelKind.SvmRank, "rows belong to queries (qid)");
        if (data.Layout is { LabelNames.Count: > 2 })
            return (ModelKind.Softmax, "");
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
