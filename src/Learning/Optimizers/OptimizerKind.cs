namespace DistSgd.Learning.Optimizers;

/// <summary>The update rules; what each is, <see cref="UpdateRules"/> says.</summary>
public enum OptimizerKind
{
    /// <summary>Stochastic gradient descent.</summary>
    Sgd,

    /// <summary>AdaGrad: Duchi, Hazan &amp; Singer 2011, diagonal form.</summary>
    AdaGrad,

    /// <summary>Heavy-ball momentum: Polyak 1964.</summary>
    Momentum,

    /// <summary>Nesterov's momentum, in the form whose gradient is taken at the parameters that are pulled.</summary>
    Nesterov,

    /// <summary>RMSProp: Tieleman &amp; Hinton 2012.</summary>
    RmsProp,

    /// <summary>AdaDelta: Zeiler 2012.</summary>
    AdaDelta,

    /// <summary>AdaGrad's steps with Nesterov's look-ahead.</summary>
    AdaGradNesterov,

    /// <summary>RMSProp's steps with Nesterov's look-ahead.</summary>
    RmsPropNesterov,

    /// <summary>Adam: Kingma &amp; Ba 2015, Algorithm 1.</summary>
    Adam,

    /// <summary>AdamW: Loshchilov &amp; Hutter 2019.</summary>
    AdamW,

    /// <summary>FTRL-Proximal: McMahan et al. 2013, Algorithm 1.</summary>
    Ftrl,
}
