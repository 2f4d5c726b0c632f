using DistSgd.Learning.Batches;
using DistSgd.Learning.Models;

namespace DistSgd.Trainer;

/// <summary>Refuses options that don't go with the model or its loss, or with each other in what is done with rows, before any data is read.</summary>
internal static class ModelCheck
{
    /// <summary>Null, or one sentence that names both options and their values.</summary>
    public static string? Refusal(TrainingOptions options)
    {
        ModelKind? kind = options.Model ?? options.Init?.Kind;
        LossKind? loss = options.Loss ?? (options.Init is { } init && kind == init.Kind ? init.Spec.Loss : null);
        return Loss(options, kind, loss) ?? Rows(options, kind, loss) ?? (options.Init is { } begun ? WarmStart.Refusal(begun, options) : null);
    }

    /// <summary>The models that are learned with a loss, as words.</summary>
    public static string ModelsOf(LossKind loss) => string.Join(" or ", Enum.GetValues<ModelKind>().Where(kind => ModelSpec.LossesOf(kind).Contains(loss)).Select(kind => KindName.Of(kind)));

    private static string? Loss(TrainingOptions options, ModelKind? kind, LossKind? loss)
    {
        if (kind is { } model && options.Loss is { } asked && !ModelSpec.LossesOf(model).Contains(asked))
            return OptionCheck.LossRefusal(model, asked);
        if (options.HuberDelta is { } delta && loss != LossKind.Huber)
            return $"--huber-delta {delta} is given without --loss huber; add that, or leave it out.";
        LossKind? usual = loss ?? (kind is { } known ? ModelSpec.LossesOf(known)[0] : null);
        if (options.Margin is { } margin && usual is not (LossKind.CrammerSinger or LossKind.ZeroOne))
            return $"--margin {margin} has no effect on {(loss is { } other ? $"--loss {KindName.Of(other)}" : kind is { } without ? $"--model {KindName.Of(without)}" : "the model that labels choose")}; leave it out, or use --model multiclass-svm, or structured-svm with --loss zero-one.";
        bool isTree = loss == LossKind.Tree || (loss is null && kind == ModelKind.StructuredSvm);
        if (options.Taxonomy is { } taxonomy && !isTree)
            return $"--taxonomy {taxonomy} is given without --model structured-svm --loss tree.";
        if (loss == LossKind.Tree && options.Taxonomy is null)
            return "--loss tree needs the tree of classes: give it with --taxonomy FILE.";
        return kind is null && loss is { } unchosen && !LabelsMayChoose(unchosen)
            ? $"--loss {KindName.Of(unchosen)} is given without --model, and no labels choose a model of it; add --model {ModelsOf(unchosen)}."
            : null;
    }

    private static string? Rows(TrainingOptions options, ModelKind? kind, LossKind? loss)
    {
        string order = $"--order {KindName.Of(options.Order)}";
        if (kind == ModelKind.SvmRank && options.Order != RowOrderKind.Shuffled)
            return $"{order} doesn't go with --model svm-rank, whose queries stay together; leave it out.";
        if ((kind == ModelKind.Linear || loss is LossKind.Squared or LossKind.Huber) && options.Order == RowOrderKind.Interleaved)
            return $"{order} needs rows of one class each, and {Asked(kind, loss)} learns real targets; leave it out.";
        if (kind == ModelKind.StructuredSvm && loss == LossKind.Hamming && options.Order == RowOrderKind.Interleaved)
            return $"{order} doesn't go with --loss hamming, whose rows have any number of labels; leave it out.";
        if (options is { Whiten: { } components, HashBits: { } bits })
            return $"--whiten {components} is for dense features, --hash-bits {bits} for sparse ones; give one of them.";
        bool hasClasses = kind is not (ModelKind.Linear or ModelKind.SvmRank) && loss is not (LossKind.Squared or LossKind.Huber or LossKind.Hamming);
        if (options.ClassWeight is { } weight && !hasClasses)
            return $"--class-weight {weight} is for rows that belong to one class each, and those of {Asked(kind, loss)} don't; leave it out.";
        return null;
    }

    private static string Asked(ModelKind? kind, LossKind? loss) => kind is { } model && loss is null ? $"--model {KindName.Of(model)}" : $"--loss {KindName.Of(loss!.Value)}";

    private static bool LabelsMayChoose(LossKind loss) => TaskChoice.Choosable.Any(model => ModelSpec.LossesOf(model).Contains(loss)) || loss == LossKind.Hamming;
}
