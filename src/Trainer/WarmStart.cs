using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Begins a training from a model: what must agree, and where the parameters start.</summary>
internal static class WarmStart
{
    /// <summary>Null, or the sentence that refuses an option for the model that a training begins with.</summary>
    public static string? Refusal(TrainedModel init, TrainingOptions options)
    {
        ModelKind kind = options.Model ?? init.Kind;
        if (kind != init.Kind)
            return $"--init is a model of kind {KindName.Of(init.Kind)}, but --model {KindName.Of(kind)} is to be trained; give a model of that kind.";
        if (options.Loss is { } loss && ModelSpec.LossesOf(kind).Contains(loss) && !HasScoresOf(init.Spec, ModelSpec.Of(kind, loss)))
            return $"--loss {KindName.Of(loss)} has other scores than --init ({init.Spec}) was trained for; leave it out, or give a model of that loss.";
        string? kept = options.HashBits is { } bits ? $"--hash-bits {bits}"
            : options.NormalizeRows ? "--normalize-rows"
            : options.Whiten is { } components ? $"--whiten {components}"
            : null;
        if (kept is not null)
            return $"{kept} can't be given with --init ({init.Spec}), which keeps what is done with rows; leave it out.";
        return init.Scaling is not null && options.Scaling is ScalingKind.Standard or ScalingKind.Range or ScalingKind.MaxAbs
            ? $"--scale {KindName.Of(options.Scaling)} has no effect with --init ({init.Spec}), which keeps how columns were scaled; leave it out."
            : null;
    }

    private static bool HasScoresOf(ModelSpec model, ModelSpec other) =>
        (model.HasClassScores, model.IsBinary, model.IsRegression, model.IsMultiLabel) == (other.HasClassScores, other.IsBinary, other.IsRegression, other.IsMultiLabel);

    /// <summary>The labels' mapping: the model's, if it knows all labels of the data.</summary>
    /// <exception cref="TrainingException">The features of the model's file are other ones.</exception>
    /// <exception cref="LabelException">A label that the model doesn't know.</exception>
    public static LabelMap Labels(TrainedModel init, ModelSpec model, LabelMap labels, Dataset data)
    {
        if (data.Layout is { } layout ? !layout.Equals(init.Layout) : init.Layout is not null)
            throw new TrainingException("--init was trained on other columns than the data has; read the data with the model's (TrainedModel.ReadOptions), or give a model of these columns.");
        if (data.Layout is null && data.IndexBase != init.IndexBase)
            throw new TrainingException($"--init numbers features from {(init.IndexBase == IndexBase.Zero ? 0 : 1)}, the data from {(data.IndexBase == IndexBase.Zero ? 0 : 1)}; give --index-base {(init.IndexBase == IndexBase.Zero ? "zero" : "one")}.");
        if (labels.Classes.Count == 0 && !labels.IsBinary)
            return labels;
        init.Labels.Check(data);
        return init.Labels;
    }

    /// <summary>How columns are scaled: as the model's were, those of new features not; else as the data's sizes ask for.</summary>
    public static FeatureScaling? Scaling(TrainedModel init, Dataset data, TrainingOptions options)
    {
        long features = Math.Max(data.FeatureCount, init.FeatureCount);
        ScalingKind kind = init.Spec.Network is null ? options.Scaling : NetworkOptions.Scaling(data, options);
        if (features > TrainingPlan.ScaledFeaturesMax || options.Scaling == ScalingKind.Off)
            return null;
        FeatureScaling? scaling = init.Scaling ?? FeatureScaling.Fit(data, (int)data.FeatureCount, kind, strengthGiven: options.L2 is not null);
        return scaling?.Extended((int)features);
    }

    /// <summary>Where the parameters start.</summary>
    public static InitialParameters Begin(TrainedModel init, TrainingJob job, Dataset data, LabelMap labels) =>
        job.Model.Network is null ? Parameters(init, job, data, labels) : Network(init, job);

    // A network's parameters in the job's scaling, weights of new features 0.
    private static InitialParameters Network(TrainedModel init, TrainingJob job)
    {
        var values = new float[checked(job.KeyCount * job.Width)];
        int tail = job.Model.Shape.TailLength;
        init.AllParameters[..^tail].CopyTo(values);
        init.AllParameters[^tail..].CopyTo(values.AsSpan(values.Length - tail));
        MlpUnits.ToScaled(job.Model.Shape, values, job.Scaling, job.Targets);
        return new InitialParameters(0, values);
    }

    // The model's parameters in the job's scaling, new features 0; with AdaGrad's sums of squares as one pass over the data would leave them there, so that the first steps don't throw away what was learned.
    private static InitialParameters Parameters(TrainedModel init, TrainingJob job, Dataset data, LabelMap labels)
    {
        int width = job.Width;
        var values = new float[checked(job.KeyCount * width)];
        init.Weights.CopyTo(values);
        init.Biases.CopyTo(values.AsSpan(checked((int)job.BiasKey * width)));
        job.Scaling?.ToScaled(values, width);
        float[] squares = job.Rule.Optimizer == OptimizerKind.AdaGrad ? GradientSquares.Sum(job.Model, values, data, labels, job.Scaling, job.Weighting) : [];
        return new InitialParameters(0, values) { Squares = squares };
    }
}
