using DistSgd.Kernels;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Losses;

/// <summary>Something that is done with the loss of a model with several scores a row, compiled for each loss by itself.</summary>
internal interface IOutputLossVisitor
{
    void Visit<TLoss>(TLoss loss)
        where TLoss : struct, IOutputLoss;
}

/// <summary>From the name of a loss of several scores to its type.</summary>
internal static class OutputLoss
{
    /// <summary>Calls the visitor with the model's loss.</summary>
    /// <param name="model">Which loss.</param>
    /// <param name="weighted">Whether rows have weights, which multiply their losses.</param>
    /// <param name="visitor">Called once.</param>
    public static void Dispatch<TVisitor>(ModelSpec model, bool weighted, ref TVisitor visitor)
        where TVisitor : struct, IOutputLossVisitor, allows ref struct
    {
        switch (model.Loss)
        {
            case LossKind.CrossEntropy:
                Visit(default(CrossEntropyLoss), weighted, ref visitor);
                break;
            case LossKind.WestonWatkins:
                Visit(default(WestonWatkinsLoss), weighted, ref visitor);
                break;
            case LossKind.CrammerSinger or LossKind.ZeroOne:
                Visit(new CrammerSingerLoss(model.Margin), weighted, ref visitor);
                break;
            case LossKind.Tree:
                Visit(new CostLoss(model.Costs.Values), weighted, ref visitor);
                break;
            case LossKind.Hamming:
                Visit(default(HammingLoss), weighted, ref visitor);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(model), model.Loss, "This loss is no function of several scores.");
        }
    }
    private static void Visit<TLoss, TVisitor>(TLoss loss, bool weighted, ref TVisitor visitor)
        where TLoss : struct, IOutputLoss
        where TVisitor : struct, IOutputLossVisitor, allows ref struct
    {
        if (weighted)
            visitor.Visit(new WeightedLoss<TLoss>(loss));
        else
            visitor.Visit(loss);
    }
}

/// <summary>A loss of several scores times its row's weight.</summary>
internal readonly struct WeightedLoss<TLoss>(TLoss inner) : IOutputLoss
    where TLoss : struct, IOutputLoss
{
    /// <inheritdoc/>
    public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
    {
        bool changes = inner.Derivative(rows, row, scores, derivative, out loss);
        float weight = rows.Weights[row];
        loss *= weight;
        for (int i = 0; i < derivative.Length; i++)
            derivative[i] *= weight;
        return changes;
    }
}
