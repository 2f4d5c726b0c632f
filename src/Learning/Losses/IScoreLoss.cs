using DistSgd.Kernels;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Losses;

/// <summary>A loss of one score and one label, with its value besides its derivative. A pure function.</summary>
public interface IScoreLoss : ILossDerivative
{
    /// <summary>ℓ(f, y), in float64 so that sums over many rows stay exact.</summary>
    /// <param name="score">f.</param>
    /// <param name="label">y: ±1 in classification, real in regression.</param>
    double Value(float score, float label);
}

/// <summary>Something that is done with the loss of a model, compiled for each loss by itself.</summary>
internal interface IScoreLossVisitor
{
    void Visit<TLoss>(TLoss loss)
        where TLoss : struct, IScoreLoss;
}

/// <summary>From the name of a loss to its type.</summary>
internal static class ScoreLoss
{
    /// <summary>Calls the visitor with the model's loss.</summary>
    public static void Dispatch<TVisitor>(ModelSpec model, ref TVisitor visitor)
        where TVisitor : struct, IScoreLossVisitor, allows ref struct
    {
        switch (model.Loss)
        {
            case LossKind.Squared:
                visitor.Visit(default(SquaredLoss));
                break;
            case LossKind.Huber:
                visitor.Visit(new HuberLoss(model.HuberDelta));
                break;
            case LossKind.Logistic:
                visitor.Visit(default(LogisticLoss));
                break;
            case LossKind.Hinge:
                visitor.Visit(default(HingeLoss));
                break;
            case LossKind.SquaredHinge:
                visitor.Visit(default(SquaredHingeLoss));
                break;
            case LossKind.ModifiedHuber:
                visitor.Visit(default(ModifiedHuberLoss));
                break;
            case LossKind.ModifiedHuberZhang:
                visitor.Visit(default(ModifiedHuberZhangLoss));
                break;
            case LossKind.Exponential:
                visitor.Visit(default(ExponentialLoss));
                break;
            case LossKind.Sigmoid:
                visitor.Visit(default(SigmoidLoss));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(model), model.Loss, "This loss is no function of one score.");
        }
    }
}
