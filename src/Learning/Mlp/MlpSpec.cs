using DistSgd.Kernels;

namespace DistSgd.Learning.Mlp;

/// <summary>What the hidden layers do with their sums.</summary>
public enum HiddenActivation
{
    /// <summary>max(0, z).</summary>
    Relu,

    /// <summary>z above 0, c·z elsewhere; c is 0.1 unless given.</summary>
    LeakyRelu,

    /// <summary>z above 0, c·(e^z − 1) elsewhere; c is 1 unless given.</summary>
    Elu,

    /// <summary>1/(1 + e^−z).</summary>
    Sigmoid,

    /// <summary>tanh z.</summary>
    Tanh,

    /// <summary>The largest of several sums a unit (Goodfellow et al. 2013).</summary>
    Maxout,
}

/// <summary>How weights are drawn before the first step. Biases start at 0.</summary>
public enum WeightInit
{
    /// <summary>He for activations of the ReLU family, Glorot for the others.</summary>
    Auto,

    /// <summary>N(0, 2/fan-in): He et al. 2015.</summary>
    He,

    /// <summary>N(0, 2/(fan-in + fan-out)): Glorot &amp; Bengio 2010.</summary>
    Glorot,

    /// <summary>N(0, 1/fan-in): LeCun et al. 1998.</summary>
    LeCun,

    /// <summary>N(0, 0.01²).</summary>
    Normal,

    /// <summary>All 0: the units of a hidden layer then stay equal to each other.</summary>
    Zeros,
}

/// <summary>The loss at the end of the network.</summary>
public enum MlpHead
{
    /// <summary>Cross-entropy of the softmax of k scores: −f_y + log Σ e^(f_j). Labels are class numbers.</summary>
    Softmax,

    /// <summary>Weston and Watkins' hinge: Σ over j ≠ y of max(0, f_j − f_y + 1). Labels are class numbers.</summary>
    Hinge,

    /// <summary>Σ ½(f_j − t_j)²: one score and a real target, or k scores and the class number's 0/1 vector.</summary>
    Squared,

    /// <summary>log(1 + e^(−y·f)) of one score; labels are ±1.</summary>
    Logistic,
}

/// <summary>
/// A multi-layer perceptron: hidden layers, each a linear map, then batch normalisation, activation and dropout as asked for, and a
/// linear map to the scores. Immutable.
/// </summary>
public sealed record MlpSpec
{
    /// <summary>Units of a layer at most.</summary>
    public const int UnitsMax = 65_536;

    /// <summary>Hidden layers at most.</summary>
    public const int LayersMax = 64;

    /// <summary>Units of the hidden layers, the first one nearest to the features; may be empty.</summary>
    public IReadOnlyList<int> Layers { get; init; } = [256, 128];

    /// <summary>Scores a row, k.</summary>
    public int Outputs { get; init; } = 1;

    /// <summary>The loss.</summary>
    public MlpHead Head { get; init; }

    /// <summary>The hidden layers' activation.</summary>
    public HiddenActivation Activation { get; init; }

    /// <summary>c of leaky ReLU and ELU; null: 0.1 and 1.</summary>
    public float? ActivationConstant { get; init; }

    /// <summary>Sums a unit of maxout; at least 2.</summary>
    public int MaxoutPieces { get; init; } = 2;

    /// <summary>How weights are drawn.</summary>
    public WeightInit Init { get; init; }

    /// <summary>True: batch normalisation before each activation (Ioffe &amp; Szegedy 2015); the linear maps then have no bias.</summary>
    public bool BatchNorm { get; init; }

    /// <summary>The probability with which dropout silences a hidden unit for a row; in [0, 1).</summary>
    public float Dropout { get; init; }

    /// <summary>Sums of a hidden unit.</summary>
    public int Pieces => Activation == HiddenActivation.Maxout ? MaxoutPieces : 1;

    /// <summary>c of the activation.</summary>
    public float Constant => ActivationConstant ?? (Activation == HiddenActivation.LeakyRelu ? 0.1f : 1f);

    /// <summary>The activation of single numbers; not for maxout.</summary>
    internal ActivationFunction Function => Activation switch
    {
        HiddenActivation.Relu => ActivationFunction.Relu,
        HiddenActivation.LeakyRelu => ActivationFunction.LeakyRelu,
        HiddenActivation.Elu => ActivationFunction.Elu,
        HiddenActivation.Sigmoid => ActivationFunction.Sigmoid,
        HiddenActivation.Tanh => ActivationFunction.Tanh,
        _ => throw new InvalidOperationException($"{Activation} acts on several numbers at a time."),
    };

    /// <summary>Throws unless all values are in range.</summary>
    /// <exception cref="ArgumentException">One isn't; the message names it as the command line does.</exception>
    public void Check()
    {
        Require(Layers.Count <= LayersMax, $"--layers has {Layers.Count} layers; expected at most {LayersMax}.");
        foreach (int units in Layers)
            Require(units is >= 1 and <= UnitsMax, $"--layers has a layer of {units} units; expected 1 to {UnitsMax}.");
        Require(Dropout is >= 0 and < 1, $"--dropout is {Dropout}; expected a probability from 0 to below 1.");
        Require(MaxoutPieces is >= 2 and <= 64, $"--maxout-pieces is {MaxoutPieces}; expected 2 to 64.");
        Require(Constant > 0 && float.IsFinite(Constant), $"--activation-constant is {Constant}; expected a positive number.");
        Require(Activation is HiddenActivation.LeakyRelu or HiddenActivation.Elu || ActivationConstant is null,
            $"--activation-constant is for leaky-relu and elu; --activation is {Activation.ToString().ToLowerInvariant()}.");
        Require(Outputs is >= 1 and <= UnitsMax, $"The network has {Outputs} outputs; expected 1 to {UnitsMax}.");
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new ArgumentException(otherwise);
    }
}
