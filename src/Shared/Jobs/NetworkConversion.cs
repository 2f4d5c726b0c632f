using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Jobs;

/// <summary>Between what a job says of a network and its message. What comes from the wire is checked.</summary>
internal static class NetworkConversion
{
    public static V1.Network? ToMessage(MlpSpec? network) => network is null ? null : new V1.Network
    {
        Hidden = { network.Layers.Select(units => (uint)units) },
        Activation = (V1.Activation)(network.Activation + 1),
        ActivationConstant = network.ActivationConstant ?? 0,
        Pieces = network.Activation == HiddenActivation.Maxout ? (uint)network.MaxoutPieces : 0,
        BatchNorm = network.BatchNorm,
        Dropout = network.Dropout,
    };

    /// <exception cref="ArgumentException">A network without an MLP, an MLP without its network, or a field out of range.</exception>
    public static MlpSpec? ToNetwork(ModelKind kind, V1.Network? message)
    {
        JobConversion.Require(kind == ModelKind.Mlp == message is not null, "network must be set for an MLP, and for nothing else");
        if (message is null)
            return null;
        JobConversion.Require(message.Hidden.All(units => units <= MlpSpec.UnitsMax) && message.Pieces <= MlpSpec.UnitsMax, $"network.hidden and network.pieces must be at most {MlpSpec.UnitsMax}");
        var network = new MlpSpec
        {
            Layers = [.. message.Hidden.Select(units => (int)units)],
            Activation = JobConversion.Known<HiddenActivation>((int)message.Activation - 1, "network.activation"),
            ActivationConstant = message.ActivationConstant == 0 ? null : message.ActivationConstant,
            MaxoutPieces = message.Pieces == 0 ? 2 : (int)message.Pieces,
            BatchNorm = message.BatchNorm,
            Dropout = message.Dropout,
        };
        network.Check();
        return network;
    }

    public static V1.ImageAugmentation? ToMessage(ImageAugmentation? augmentation) => augmentation is null ? null : new V1.ImageAugmentation
    {
        Width = (uint)augmentation.ImageWidth,
        Height = (uint)augmentation.ImageHeight,
        Changes = augmentation.Text,
    };

    /// <exception cref="ArgumentException">Images that aren't the rows, or changes that aren't known.</exception>
    public static ImageAugmentation? ToAugmentation(V1.JobSpec spec)
    {
        if (spec.Augmentation is not { } message)
            return null;
        ulong pixels = (ulong)message.Width * message.Height;
        JobConversion.Require(spec.Model == V1.ModelKind.Mlp && !spec.Sparse, "augmentation is for MLPs whose keys are exchanged as ranges");
        JobConversion.Require(pixels > 0 && message.Width <= int.MaxValue && message.Height <= int.MaxValue && spec.Features % pixels == 0, "augmentation.width times augmentation.height must divide features");
        return ImageAugmentation.Parse(message.Changes, (int)message.Width, (int)message.Height);
    }

    /// <exception cref="ArgumentException">Numbers that are no mean and deviation, or a model whose targets aren't scaled.</exception>
    public static TargetScaling? ToTargets(V1.JobSpec spec)
    {
        JobConversion.Require(double.IsFinite(spec.TargetMean) && double.IsFinite(spec.TargetDeviation) && spec.TargetDeviation >= 0, "target_mean must be finite, target_deviation 0 or more");
        if (spec.TargetDeviation == 0)
            return null;
        JobConversion.Require(spec is { Model: V1.ModelKind.Mlp, Loss: V1.LossKind.Squared }, "target_deviation is for MLPs with the squared loss");
        return new TargetScaling(spec.TargetMean, spec.TargetDeviation);
    }
}
