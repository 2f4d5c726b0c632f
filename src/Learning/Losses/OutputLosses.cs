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
    public static void Dispatch<TVisitor>(ModelSpec model, ref TVisitor visitor)
        where TVisitor : struct, IOutputLossVisitor, allows ref struct
    {
        switch (model.Loss)
        {
            case LossKind.CrossEntropy:
                visitor.Visit(default(CrossEntropyLoss));
                break;
            case LossKind.WestonWatkins:
                visitor.Visit(default(WestonWatkinsLoss));
                break;
            case LossKind.CrammerSinger or LossKind.ZeroOne:
                visitor.Visit(new CrammerSingerLoss(model.Margin));
                break;
            case LossKind.Tree:
                visitor.Visit(new CostLoss(model.Costs.Values));
                break;
            case LossKind.Hamming:
                visitor.Visit(default(HammingLoss));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(model), model.Loss, "This loss is no function of several scores.");
        }
    }
}
