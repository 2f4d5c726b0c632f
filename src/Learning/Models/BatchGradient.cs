namespace DistSgd.Learning.Models;

/// <summary>From a model to its gradient.</summary>
public static class BatchGradient
{
    /// <summary>The gradient of a model; for one thread.</summary>
    /// <param name="model">Model and loss.</param>
    public static IBatchGradient Of(ModelSpec model) =>
        model.HasClassScores ? new ClassGradient(model)
        : model.HasScalarLoss ? new ScalarGradient(model)
        : model.IsRanking ? new RankGradient()
        : throw new ArgumentOutOfRangeException(nameof(model), model.Kind, "This model's gradient is not made here: a network draws random numbers and holds native memory.");
}
